// Send the chosen file, show what becomes of it, and go to its page.
const find = id => document.getElementById(id);
const form = document.querySelector("form"), input = find("file"), drop = find("drop");
const PAUSE = 500;  // ms between two looks at a job
let request = null, job = null, stopped = false;

const show = (step, share) => {
  find("state").hidden = step === "";
  find("step").textContent = step;
  if (share === undefined) find("bar").removeAttribute("value");
  else find("bar").value = share;
};
const ready = () => {
  const chosen = form.querySelectorAll("[name=system]:checked").length;
  find("send").disabled = !input.files.length || !chosen || request !== null || job !== null;
};
const end = problem => {
  find("problem").textContent = problem;
  request = job = null;
  show("");
  ready();
};

const send = (file, address) => new Promise((resolve, reject) => {
  request = new XMLHttpRequest();
  request.open("POST", address);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.addEventListener("progress", event => {
    show("Sending " + file.name, event.loaded / event.total);
  });
  request.addEventListener("load", () => resolve(JSON.parse(request.responseText)));
  request.addEventListener("error", () => reject(new Error("the server did not take the file")));
  request.addEventListener("abort", () => reject(new Error("stopped")));
  request.send(file);
});

const wait = async () => {
  while (!stopped) {
    const found = await (await fetch("/jobs/" + job)).json();
    if (found.error) throw new Error(found.error);
    if (found.state === "done") return location.assign("/jobs/" + job + "/page");
    const turn = found.state === "waiting" ? "Waiting, " + found.ahead + " before it" : found.step;
    show(turn + " \u2026 " + found.seconds + " s");
    await new Promise(resolve => setTimeout(resolve, PAUSE));
  }
  throw new Error("stopped");
};

form.addEventListener("submit", async event => {
  event.preventDefault();
  const file = input.files[0], asked = new URLSearchParams({ name: file.name });
  for (const box of form.querySelectorAll("[name=system]:checked")) asked.append("system", box.value);
  if (find("speaker") && find("speaker").value) asked.append("speaker", find("speaker").value);
  stopped = false;
  find("problem").textContent = "";
  show("Sending " + file.name, 0);
  try {
    const sent = send(file, "/jobs?" + asked);
    ready();
    const answer = await sent;
    if (answer.error) throw new Error(answer.error);
    job = answer.job;
    await wait();
  } catch (error) {
    end(error.message);
  }
});
find("stop").addEventListener("click", () => {
  stopped = true;
  if (job !== null) fetch("/jobs/" + job, { method: "DELETE" });
  else if (request !== null) request.abort();
});
form.addEventListener("change", ready);
for (const name of ["dragover", "dragleave", "drop"]) drop.addEventListener(name, event => {
  event.preventDefault();
  drop.classList.toggle("over", name === "dragover");
  if (name === "drop" && event.dataTransfer.files.length) {
    input.files = event.dataTransfer.files;
    ready();
  }
});
// The browser restores a form on the way back from an answer.
window.addEventListener("pageshow", () => end(""));
