"use strict";
// Fetches the page anew when what it shows has changed, and counts down what is left. Without it the page
// loads itself again, and every form works.
const AGAIN = 15000; // milliseconds after which a page that lost its stream tries anew
const main = () => document.getElementById("main");
let stream, renewing, wanted;

async function fetched() {
  const answer = await fetch(location.href, {headers: {accept: "text/html"}});
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const content = fresh.getElementById("main");
  if (!content) throw new Error("no page");
  const text = document.querySelector("textarea");
  const written = text?.value, focused = document.activeElement === text;
  document.title = fresh.title;
  main().replaceWith(content);
  const again = document.querySelector("textarea");
  if (again && written) again.value = written;
  if (again && focused) again.focus();
}

// One at a time, and once more when something changed meanwhile.
async function renew() {
  wanted = true;
  if (renewing) return;
  renewing = true;
  try {
    while (wanted) {
      wanted = false;
      await fetched();
    }
  } catch {
    lost();
  } finally {
    renewing = false;
  }
}

function lost() {
  stop();
  const says = document.getElementById("live");
  if (says) says.hidden = false;
  setTimeout(() => { follow(); renew(); }, AGAIN);
}

function stop() {
  stream?.close();
  stream = undefined;
}

// Only while somebody looks: a browser has six connections to one host, and a decision needs one of them.
function follow() {
  const live = main().dataset.live;
  if (!live || stream || document.hidden) return;
  stream = new EventSource(live);
  stream.addEventListener("shown", (event) => {
    if (event.data !== main().dataset.mark) renew();
  });
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) lost();
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return stop();
  follow();
  if (main().dataset.live) renew();
});
// A second tap sends nothing. A disabled button says nothing, so that it is disabled after it was sent.
document.addEventListener("submit", (event) => {
  if (main().dataset.sent) return event.preventDefault();
  stop();
  if (event.target.method !== "post") return;
  main().dataset.sent = "yes";
  setTimeout(() => {
    for (const button of document.querySelectorAll("form[method=post] button")) button.disabled = true;
  });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

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
    left.textContent = rest > 0 ? `in ${inWords(rest)}` : left.dataset.over;
  }
}, 1000);
follow();
