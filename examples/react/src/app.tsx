// The whole document, so that the server and the browser render the same.

import { PosternProvider, SignInForm, useSession, useSignOut } from "postern-client/react";
import { useState } from "react";

export function App({ posternUrl }: { posternUrl: string }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>Example</title>
        <meta name="viewport" content="width=device-width" />
      </head>
      <body>
        <main>
          <h1>Example</h1>
          <PosternProvider url={posternUrl}>
            <Home />
          </PosternProvider>
        </main>
      </body>
    </html>
  );
}

function Home() {
  const { status, user } = useSession();
  if (status === "loading") return <p>Just a moment…</p>;
  if (user === null) return status === "signed_out" ? <SignInForm /> : <p role="alert">You are offline.</p>;
  return <Welcome email={user.email} />;
}

function Welcome({ email }: { email: string }) {
  const signOut = useSignOut();
  const [problem, setProblem] = useState<string>();
  return (
    <>
      <p>You are signed in as {email}.</p>
      <button type="button" onClick={() => signOut().catch(() => setProblem("You are still signed in. Try again."))}>
        Sign out
      </button>
      <p role="alert">{problem}</p>
    </>
  );
}
