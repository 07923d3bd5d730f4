// What pages do beyond links and forms. Everything works without it but the copy buttons and the theme switch.

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(copy);
  const theme = event.target.closest("[data-theme-choice]");
  if (theme) chooseTheme(theme.dataset.themeChoice);
});

async function copyText(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // the browser forbids it; the text stands beside the button
  }
  button.classList.add("is-done");
  button.querySelector("[data-said]").textContent = button.dataset.done;
  setTimeout(() => {
    button.classList.remove("is-done");
    button.querySelector("[data-said]").textContent = "";
  }, 1500);
}

function chooseTheme(choice) {
  try {
    if (choice === "auto") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    return;
  }
  showTheme();
  markTheme();
}

function markTheme() {
  const choice = chosenTheme() ?? "auto";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

markTheme();

// On a narrow screen the menu opens as a dialog, which needs a name; where it stands open it must have none.
const menu = document.getElementById("menu");
menu?.addEventListener("show.bs.offcanvas", () => menu.setAttribute("aria-label", menu.dataset.label));
menu?.addEventListener("hidden.bs.offcanvas", () => menu.removeAttribute("aria-label"));

// What htmx could not fetch is said; a poll goes on asking, and the notice goes when it is answered.
function showTrouble(isTrouble) {
  document.getElementById("trouble").hidden = !isTrouble;
}
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(failure, () => showTrouble(true));
}
document.addEventListener("htmx:afterSwap", () => showTrouble(false));

// The key / leads to the search, unless something is being typed; Escape closes its list.
document.addEventListener("keydown", (event) => {
  const field = document.querySelector(".menu-search input");
  const jump = document.getElementById("jump");
  if (event.key === "Escape" && event.target.closest(".menu-search")) {
    jump.replaceChildren();
    field.value = "";
  }
  const isTyping = event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey || !field) return;
  event.preventDefault();
  field.focus();
});

// The check box in a list's head selects all rows of the page; choosing a row means that not all that match are meant.
document.addEventListener("change", (event) => {
  const boxes = document.querySelectorAll("input[name=row][form=bulk]");
  if (event.target.matches("[data-select-all]")) {
    for (const box of boxes) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-select-all], input[name=row][form=bulk]")) {
    const all = document.querySelector("#bulk input[name=all]");
    if (all) all.checked = false;
  }
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// After a refused form the first mistake has the focus.
document.querySelector("[aria-invalid='true'], [data-focus]")?.focus();

// A date picker beside a text field for dates: it fills the field, a time that was typed stays.
for (const picker of document.querySelectorAll("[data-fills]")) {
  const text = document.getElementById(picker.dataset.fills);
  const day = /^\d{4}-\d\d-\d\d/;
  picker.value = day.exec(text.value)?.[0] ?? "";
  picker.hidden = false;
  picker.addEventListener("change", () => {
    if (!picker.value) return;
    text.value = day.test(text.value) ? text.value.replace(day, picker.value) : picker.value;
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// Who comes for the first time gets the browser's time zone proposed.
for (const field of document.querySelectorAll("[data-browser-zone]")) {
  if (field.value === "UTC") field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
