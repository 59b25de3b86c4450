// Requests an email with a link to set a new password.

import { useState } from "preact/hooks";
import { EmailField, Form } from "./design/form";
import { focusTitle, Page, start } from "./design/page";
import { t } from "./languages";
import { call } from "./parts/api";
import { useCaptcha } from "./parts/captcha";

// What the visitor has typed on the sign-in page. It is in the fragment, which browsers do not send.
const typed = new URLSearchParams(location.hash.slice(1)).get("email") ?? "";
history.replaceState(null, "", location.pathname + location.search);

start(["sign-in"], ({ config }) => {
  const { widget, withCaptcha } = useCaptcha(config, "password_reset");
  const [sentTo, setSentTo] = useState<string>();
  return (
    <Page config={config} title={t("forgot")}>
      {sentTo === undefined ? <p>{t("forgot.about")}</p> : null}
      <p class={`message ${sentTo === undefined ? "" : "success"}`} role="status">
        {sentTo !== undefined && t("forgot.sent", { email: sentTo })}
      </p>
      <Form
        label={t("forgot.submit")}
        submit={async ({ email = "" }) => {
          await withCaptcha((captcha) => call("POST", "send-password-reset-link", { json: { email, ...captcha } }));
          setSentTo(email);
          focusTitle();
        }}
      >
        <EmailField autoFocus defaultValue={typed} />
        {widget}
      </Form>
      <p>
        <a href="/signin">{t("forgot.back")}</a>
      </p>
    </Page>
  );
});
