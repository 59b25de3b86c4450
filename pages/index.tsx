// Redirects to the account page, or to the sign-in page if there is no session.

import { useEffect, useState } from "preact/hooks";
import { call, type ApiError } from "./parts/api";
import { Message } from "./parts/form";
import { leaveFor } from "./parts/leave";
import { Page, start } from "./parts/page";

start(({ config }) => {
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    call("GET", "me").then(
      () => leaveFor("/account"),
      (error: ApiError) => (error.code === "invalid_token" ? leaveFor("/signin") : setError(error)),
    );
  }, []);
  return (
    <Page config={config} title="Welcome">
      <Message outcome={error && { kind: "error", text: error.message, problems: [] }} />
      <p aria-busy={!error}>
        <a href="/signin">Sign in</a>
      </p>
    </Page>
  );
});
