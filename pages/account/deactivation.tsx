// Lets users deactivate their account.

import { t } from "../languages";
import { callSignedIn } from "../parts/api";
import { ConfirmedButton } from "../design/button";
import type { Config } from "../parts/config";
import { leaveFor } from "../parts/leave";
import { Section } from "../design/section";

export function Deactivation({ config }: { config: Config }) {
  return (
    <Section title={t("deactivate")}>
      <p class="soft">{t("deactivate.about")}</p>
      <div class="actions">
        <ConfirmedButton
          label={t("deactivate.submit")}
          question={t("deactivate.question")}
          work={async () => {
            await callSignedIn("DELETE", "me");
            leaveFor("/signin");
          }}
        >
          <p>{t("deactivate.dialog", { service: config.service_name })}</p>
        </ConfirmedButton>
      </div>
    </Section>
  );
}
