"use strict";
// Fetches the page anew when what it shows has changed, and counts down what is left. Without it every form
// works, and a page without forms loads itself again.
const AGAIN = 15000; // milliseconds after which a page that lost its stream tries anew
const main = () => document.getElementById("main");
let stream, renewing, wanted, pressing;

async function fetched() {
  const answer = await fetch(location.href, {headers: {accept: "text/html"}});
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const content = fresh.getElementById("main");
  if (!content) throw new Error("no page");
  if (main().dataset.sent) return;
  if (pressing) await new Promise((over) => pressing.push(over));
  // A question that was not read never comes under a finger by itself: who reads it asks for it.
  const asked = content.dataset.asked, another = Boolean(asked) && asked !== main().dataset.asked;
  const says = document.getElementById("changed");
  if (says) says.hidden = !another;
  if (another || main().dataset.sent) return;
  // Neither does a form go away while somebody writes into it.
  const fields = written(), vanishes = fields.some((field) => !content.querySelector(`[id="${field.id}"]`));
  const gone = document.getElementById("gone");
  if (gone) gone.hidden = !vanishes;
  if (vanishes) return;
  document.title = fresh.title;
  put(content, inUse(fields));
  for (const field of fields) if (!field.isConnected) document.getElementById(field.id).value = field.value;
}

// What is written or chosen, but not sent.
function written() {
  return [...main().querySelectorAll("form[method=post] :is(textarea, select, input:not([type=hidden]))")]
    .filter((field) => field.value);
}

// The form that has the focus, or in which something is written.
function inUse([first]) {
  return document.activeElement?.closest("form[method=post][id]") ?? first?.form ?? null;
}

// The new content around that form: one that is replaced loses its caret and its focus.
function put(content, kept) {
  const old = main(), twin = kept && content.querySelector(`[id="${kept.id}"]`);
  if (!twin || !old.contains(kept)) return old.replaceWith(content);
  for (let here = kept, there = twin; here !== old; here = here.parentNode, there = there.parentNode) {
    const fresh = [...there.parentNode.childNodes], at = fresh.indexOf(there);
    for (const one of [...here.parentNode.childNodes]) if (one !== here) one.remove();
    here.before(...fresh.slice(0, at));
    here.after(...fresh.slice(at + 1));
  }
  for (const {name, value} of content.attributes) old.setAttribute(name, value);
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
    const says = document.getElementById("live");
    if (says) says.hidden = true;
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
// Between its press and its release a button stays where it is. A menu swallows the release.
document.addEventListener("pointerdown", () => { pressing ??= []; });
for (const name of ["pointerup", "pointercancel", "contextmenu"]) {
  document.addEventListener(name, () => setTimeout(() => { // its click comes first
    const waiting = pressing ?? [];
    pressing = undefined;
    for (const over of waiting) over();
  }));
}
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
