// The mails with a code, and the page that asks for one.

import { mails, until } from "../../workerd/support/client.mjs";

/**
 * Does what sends a mail, and waits for it. Returns its subject, code and link.
 *
 * @param {any} postern
 * @param {string} to
 * @param {() => Promise<unknown>} ask
 */
export async function codeMail(postern, to, ask) {
  const before = (await mails(postern, to)).length;
  await ask();
  const mail = await until(async () => {
    const now = await mails(postern, to);
    return now.length > before && now[0];
  });
  return { ...read(mail), subject: mail.subject };
}

/** Returns the code in a mail, and its link, if it has them. */
function read({ text }) {
  return { code: text.match(/\b\d{6}\b/)?.[0], href: text.match(/https?:\/\/\S+#\S+/)?.[0] };
}

/** Returns a code that is not this one. */
export function another(code) {
  return code === "000000" ? "000001" : "000000";
}

/** Asks for a code on the sign-in page. Returns the code and the link of the mail. */
export async function askForCode(page, postern, email, path = "/signin") {
  await page.goto(path);
  await page.getByLabel("Email").fill(email);
  return await codeMail(postern, email, async () => {
    await page.getByRole("button", { name: "Email me a code" }).click();
    await page.getByRole("heading", { name: "Check your email" }).waitFor();
  });
}

/** Types a code into the field that has the focus. */
export async function typeCode(page, code) {
  await page.getByLabel("Code").and(page.locator(":focus")).waitFor();
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
}

/** Returns how many sessions a user has. */
export async function sessions(postern, email) {
  const query = "SELECT count(*) AS count FROM sessions JOIN users ON users.id = user_id WHERE email = ?";
  const [{ count }] = await postern.sql(query, email);
  return count;
}
