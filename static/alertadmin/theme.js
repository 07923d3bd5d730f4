// Before the first paint: light or dark, as the machine wishes.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const show = () => { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", show);
show();
