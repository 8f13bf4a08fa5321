"use strict";
// Fetches the page anew when what it shows has changed, and counts down what is left. Without it the page
// loads itself again, and every form works.
const main = () => document.getElementById("main");

async function renew() {
  const answer = await fetch(location.href, {headers: {accept: "text/html"}});
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const text = document.querySelector("textarea");
  const written = text?.value, focused = document.activeElement === text;
  document.title = fresh.title;
  main().replaceWith(fresh.getElementById("main"));
  const again = document.querySelector("textarea");
  if (again && written) again.value = written;
  if (again && focused) again.focus();
}

function follow() {
  const live = main().dataset.live;
  if (!live) return;
  new EventSource(live).addEventListener("shown", (event) => {
    if (event.data !== main().dataset.mark) renew();
  });
}

function inWords(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const largest = parts.findIndex(([size]) => seconds >= size);
  if (largest < 0) return "0 s";
  const said = [];
  for (const [size, unit] of parts.slice(largest, largest + 2)) {
    const count = Math.floor(seconds / size);
    if (count) said.push(`${count} ${unit}`);
    seconds %= size;
  }
  return said.join(" ");
}

setInterval(() => {
  for (const left of document.querySelectorAll("time.left")) {
    const rest = Math.floor((Date.parse(left.dateTime) - Date.now()) / 1000);
    left.textContent = rest > 0 ? `in ${inWords(rest)}` : "over";
  }
}, 1000);
follow();
