// Of the page and the report: the button beside a command copies it, or selects it where the browser lets no page write
// to the clipboard.
window.ganforgeCopy = async (button) => {
  const command = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(command.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(command);
    button.textContent = "Selected";
  }
};
