// Lets users download what the service stores about them.

import { useAction } from "../design/action";
import { Button } from "../design/button";
import { Section } from "../design/section";
import { t } from "../languages";
import { callSignedIn } from "../parts/api";
import type { Config } from "../parts/config";
import { saveText } from "../parts/save";

export function Export({ config }: { config: Config }) {
  const { busy, outcome, run } = useAction();
  const download = () =>
    run(async () => {
      const data = await callSignedIn<unknown>("GET", "me/export");
      saveText("my-data.json", JSON.stringify(data, null, 2), "application/json");
    });
  return (
    <Section title={t("export")} outcome={outcome}>
      <p class="soft">{t("export.about", { service: config.service_name })}</p>
      <div class="actions">
        <Button label={t("export.submit")} busy={busy} act={download} />
      </div>
    </Section>
  );
}
