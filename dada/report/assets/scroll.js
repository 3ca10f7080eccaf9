// What is wider than the view says that it scrolls, and fades at the side where more is.
for (const box of document.querySelectorAll(".scroll")) {
  const hint = document.createElement("p");
  hint.className = "more";
  hint.textContent = "wider than the screen: scroll sideways \u2192";
  box.before(hint);
  const look = () => {
    const rest = box.scrollWidth - box.clientWidth;
    hint.hidden = rest < 2;
    box.classList.toggle("right", box.scrollLeft < rest - 1);
  };
  box.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(box);
  look();
}
