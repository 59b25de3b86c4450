// The language that the service keeps for a user: that of their mails, and of the pages in a browser where they have not chosen one.

import { chooseLanguageForUser } from "../design/page";
import { hasChosenLanguage, isLanguage, keepLanguage, language } from "../languages";
import { callSignedIn } from "./api";
import { reload } from "./leave";

/** Shows the page in the user's language, and stores the one that they choose. */
export async function followUserLanguage(): Promise<void> {
  chooseLanguageForUser((locale) => callSignedIn("PUT", "me/locale", { json: { locale } }));
  if (hasChosenLanguage()) return;
  // Without an answer, the page stays in the language of the browser.
  const kept = await callSignedIn<{ locale: string | null }>("GET", "me/locale").catch(() => undefined);
  const locale = kept?.locale ?? null;
  if (!isLanguage(locale)) return;
  keepLanguage(locale);
  if (locale !== language) reload();
}
