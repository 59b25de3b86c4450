// Copies text to the clipboard.

/** Copies a text. Returns what to show to the user. `what` begins a sentence. */
export async function copyText(text: string, what: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return `${what} copied.`;
  } catch {
    return "Your browser blocked access to the clipboard. Select the text and copy it yourself.";
  }
}
