// Before the first paint: light or dark, as the viewer chose here, else as the machine wishes.
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function chosenTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage may be forbidden; then the machine decides
  }
}

function showTheme() {
  const theme = chosenTheme() ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.bsTheme = theme;
}

dark.addEventListener("change", showTheme);
showTheme();
