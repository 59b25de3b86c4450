// What a browser shows for a path that does not exist.

import { Page, start } from "./parts/page";

start(({ config }) => (
  <Page config={config} title="Page not found">
    <p>This page does not exist. Check the address.</p>
    <p>
      <a href="/">Go to the start page</a>
    </p>
  </Page>
));
