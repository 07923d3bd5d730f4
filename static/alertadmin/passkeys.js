// Passkeys: a button asks the browser for one, and its form carries the answer. Without scripts the button stays hidden.

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue; // a browser too old: other ways remain
  button.hidden = false;
  button.addEventListener("click", () => usePasskey(button));
}

async function usePasskey(button) {
  const form = button.closest("form");
  const said = form.querySelector("[data-passkey-said]");
  said.hidden = true;
  try {
    const { publicKey } = await options(button);
    const answer =
      button.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
    form.querySelector("[name$=passkey], [name=credential]").value = JSON.stringify(answer.toJSON());
  } catch {
    said.hidden = false; // the person said no, the time was over, or there is none here
    return;
  }
  form.requestSubmit();
}

// They stand on the page, or are fetched when a passkey is used, as on the sign-in page.
async function options(button) {
  if (button.dataset.options) return JSON.parse(document.getElementById(button.dataset.options).textContent);
  const response = await fetch(button.dataset.ask, { headers: { Accept: "application/json" } });
  return (await response.json()).request_options;
}
