// What a browser gets at an address without a page.

import { Page, start } from "./design/page";
import { t } from "./languages";

start(["sign-in"], ({ config }) => (
  <Page config={config} title={t("not_found")}>
    <p>{t("not_found.about")}</p>
    <a class="button primary" href="/">
      {t("not_found.account")}
    </a>
  </Page>
));
