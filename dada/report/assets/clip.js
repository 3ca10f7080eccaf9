// Zoom of all lanes together, the upper end of frequencies, play from a click, a line that follows the sound.
const sound = document.querySelector("audio");
const boxes = [...document.querySelectorAll(".timed")];
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const PIXELS = 64;  // between ticks, at least

const plain = value => String(Number(value.toFixed(2)));
const written = seconds => {
  if (seconds < 60) return plain(seconds);
  const rest = Math.round(seconds % 60), minutes = Math.floor(seconds / 60);
  return minutes + ":" + String(rest).padStart(2, "0");
};

// Write the ticks of an axis that is `width` pixels wide.
const number = (axis, start, length, width, write) => {
  for (const tick of axis.querySelectorAll(".tick")) tick.remove();
  const step = STEPS.find(each => width * each / length >= PIXELS) || STEPS[STEPS.length - 1];
  for (let i = Math.ceil(start / step); i * step < start + length; i++) {
    const share = (i * step - start) / length;
    if (share * width < 14 || (1 - share) * width < 14) continue;
    const tick = document.createElement("span");
    tick.className = "tick";
    tick.style.left = 100 * share + "%";
    tick.textContent = write(i * step);
    axis.append(tick);
  }
};

let highest = 8;  // kHz
const drawTicks = () => {
  for (const axis of document.querySelectorAll(".axis")) {
    const { start, length } = axis.dataset, frequency = !axis.closest(".inner");
    const end = frequency ? highest : Number(length);
    number(axis, Number(start), end, axis.clientWidth, frequency ? plain : written);
  }
};

const setZoom = value => {
  for (const box of boxes) {
    const inner = box.querySelector(".inner");
    const middle = (box.scrollLeft + box.clientWidth / 2) / inner.clientWidth;
    inner.style.width = 100 * value + "%";
    box.scrollLeft = middle * inner.clientWidth - box.clientWidth / 2;
  }
  for (const control of document.querySelectorAll(".zoom")) control.value = value;
  drawTicks();
};

const setTop = value => {
  highest = Number(value);
  for (const image of document.querySelectorAll("img.hz")) image.style.height = 100 * 8 / highest + "%";
  for (const band of document.querySelectorAll("svg.band")) band.style.width = 100 * 8 / highest + "%";
  for (const scale of document.querySelectorAll(".scale")) scale.textContent = value + " kHz";
  for (const control of document.querySelectorAll(".top")) control.value = value;
  drawTicks();
};

// The time in the recording that a system heard at a place of its axis: behind its end it heard it again.
const heardAt = (inner, time) => {
  const { from, heard } = inner.dataset;
  if (!heard || time < Number(from) + Number(heard)) return time;
  return Number(from) + (time - Number(from)) % Number(heard);
};

for (const control of document.querySelectorAll(".zoom"))
  control.addEventListener("input", event => setZoom(event.target.value));
for (const control of document.querySelectorAll(".top"))
  control.addEventListener("change", event => setTop(event.target.value));
for (const box of boxes) {
  const inner = box.querySelector(".inner");
  const start = Number(inner.dataset.start), seconds = Number(inner.dataset.seconds);
  box.addEventListener("scroll", () => {
    for (const other of boxes) if (other.scrollLeft !== box.scrollLeft) other.scrollLeft = box.scrollLeft;
  }, { passive: true });
  inner.addEventListener("click", event => {
    const share = (event.clientX - inner.getBoundingClientRect().left) / inner.clientWidth;
    const time = heardAt(inner, start + share * seconds) - start;
    if (time >= (sound.duration || seconds)) return;
    sound.currentTime = time;
    sound.play();
  });
}
const follow = () => {
  for (const box of boxes) {
    const seconds = Number(box.querySelector(".inner").dataset.seconds);
    box.querySelector(".head").style.left = 100 * Math.min(sound.currentTime / seconds, 1) + "%";
  }
  requestAnimationFrame(follow);
};
follow();
new ResizeObserver(drawTicks).observe(document.body);
drawTicks();
