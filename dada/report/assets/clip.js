// Zoom, the upper end of the frequency axis, play from a click, and a line that follows the sound.
const sound = document.querySelector("audio");
for (const box of document.querySelectorAll(".views")) {
  const inner = box.querySelector(".inner"), lanes = box.querySelector(".lanes");
  const head = box.querySelector(".head"), seconds = Number(inner.dataset.seconds);
  box.querySelector(".zoom").addEventListener("input", event => {
    const middle = (lanes.scrollLeft + lanes.clientWidth / 2) / inner.clientWidth;
    inner.style.width = 100 * event.target.value + "%";
    lanes.scrollLeft = middle * inner.clientWidth - lanes.clientWidth / 2;
  });
  box.querySelector(".top").addEventListener("change", event => {
    const top = Number(event.target.value);
    for (const image of box.querySelectorAll("img.hz")) image.style.height = 100 * 8 / top + "%";
    for (const scale of box.querySelectorAll(".scale")) scale.textContent = top + " kHz";
  });
  for (const lane of box.querySelectorAll(".lane")) lane.addEventListener("click", event => {
    sound.currentTime = (event.clientX - inner.getBoundingClientRect().left) / inner.clientWidth * seconds;
    sound.play();
  });
  const follow = () => {
    head.style.left = 100 * Math.min(sound.currentTime / seconds, 1) + "%";
    requestAnimationFrame(follow);
  };
  follow();
}
