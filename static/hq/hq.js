/* Small behaviours. Every page works without this file, with one more press of a button. */
"use strict";

/* the rule builder: after a change the part with counts is asked for again and put in place */
let pending = null;

function recount(form, submitter) {
  const run = () => ask(form, submitter);
  const mine = (pending ? pending.then(run) : run()).finally(() => {
    if (pending === mine) pending = null;
  });
  pending = mine;
  return mine;
}

async function ask(form, submitter) {
  const builder = form.querySelector("#builder");
  const body = new FormData(form);
  if (submitter) body.append(submitter.name, submitter.value);
  const answer = await fetch(builder.dataset.count, {
    method: "POST", body, headers: { "HX-Request": "true" }, credentials: "same-origin",
  });
  if (!answer.ok) return form.submit();
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  const next = holder.content.querySelector("#builder");
  if (next) builder.replaceWith(next);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("#builder-form");
  if (form && event.target.matches("[data-change]")) recount(form);
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.id !== "builder-form") return;
  if (button && button.name === "do") {
    event.preventDefault();
    recount(event.target, button);
  } else if (pending) {
    /* what was changed a moment ago is on its way: go on when the page shows it */
    event.preventDefault();
    const waiting = pending;
    waiting.finally(() => {
      if (pending === waiting) pending = null;
      event.target.requestSubmit(button && button.isConnected ? button : undefined);
    });
  }
});

/* a choice of many: counted when it closes, closed by a click elsewhere */
document.addEventListener("toggle", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLElement) || !box.matches("details.multi")) return;
  const state = [...box.querySelectorAll("input")].map((input) => input.checked).join();
  if (box.open) box.dataset.before = state;
  else if (box.dataset.before !== undefined && box.dataset.before !== state) {
    recount(box.closest("form"));
  }
}, true);

document.addEventListener("click", (event) => {
  document.querySelectorAll("details.multi[open], details.hq-def[open]").forEach((box) => {
    if (!box.contains(event.target)) box.open = false;
  });
  const opener = event.target.closest("[data-open]");
  if (opener) {
    const dialog = document.querySelector(opener.dataset.open);
    if (dialog) { event.preventDefault(); dialog.showModal(); }
  }
  const closer = event.target.closest("[data-close]");
  if (closer) { event.preventDefault(); closer.closest("dialog").close(); }
});

/* what may only be seen for a while goes away by itself */
document.querySelectorAll("[data-vanish]").forEach((element) => {
  setTimeout(() => element.remove(), Number(element.dataset.vanish) * 1000);
});

/* the address beside the button; where the browser gives no clipboard, it stands marked for Ctrl+C */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = button.parentElement.querySelector("input");
  field.select();
  try { await navigator.clipboard.writeText(field.value); } catch { if (!document.execCommand("copy")) return; }
  const words = button.textContent;
  if (words === button.dataset.done) return;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = words; }, 2000);
});
