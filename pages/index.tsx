// Redirects to the account page, or to the sign-in page if there is no session.

import { t } from "./languages";
import { useEffect, useState } from "preact/hooks";
import { call, type ApiError } from "./parts/api";
import { Message } from "./design/form";
import { leaveFor } from "./parts/leave";
import { Page, start } from "./design/page";

start(["sign-in"], ({ config }) => {
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    call("GET", "me").then(
      () => leaveFor("/account"),
      (error: ApiError) => (error.code === "invalid_token" ? leaveFor("/signin") : setError(error)),
    );
  }, []);
  return (
    <Page config={config} title={t("welcome")}>
      <Message outcome={error && { kind: "error", text: error.message, problems: [] }} />
      <p aria-busy={!error}>
        <a href="/signin">{t("sign_in")}</a>
      </p>
    </Page>
  );
});
