// Copies text to the clipboard.

import { t } from "../languages";

/** What is copied. */
type What = "code" | "link" | "secret" | "codes";

/** Copies a text. Returns what to show to the user. */
export async function copyText(text: string, what: What): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return t(`copied.${what}`);
  } catch {
    return t("copy_failed");
  }
}
