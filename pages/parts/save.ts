// Lets the browser save a text as a file.

/** Saves a text. The policy of the pages allows no `blob:` URLs to be loaded; a download is not a load. */
export function saveText(name: string, text: string, type = "text/plain"): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
