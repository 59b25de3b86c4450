// Redirects to the account page, or to the sign-in page if there is no session.

import { useEffect, useState } from "preact/hooks";
import { call, Refusal } from "./parts/api";
import { Message } from "./parts/form";
import { Page, start } from "./parts/page";

start(({ config }) => {
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    call("GET", "me").then(
      () => location.replace("/account"),
      (fault: Refusal) => (fault.code === "invalid_token" ? location.replace("/signin") : setRefusal(fault)),
    );
  }, []);
  return (
    <Page config={config} title="Welcome">
      <Message outcome={refusal && { kind: "refusal", text: refusal.message, problems: [] }} />
      <p aria-busy={!refusal}>
        <a href="/signin">Sign in</a>
      </p>
    </Page>
  );
});
