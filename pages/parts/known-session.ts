// Whether a page has seen a session in this browser that the user has not ended here. If there is none anymore, the sign-in page can say so.

const key = "has-session";

export function rememberSession(): void {
  try {
    localStorage.setItem(key, "1");
  } catch {
    // Browsers that block storage get no message.
  }
}

/** Returns whether there was one. */
export function forgetSession(): boolean {
  try {
    const had = localStorage.getItem(key) !== null;
    localStorage.removeItem(key);
    return had;
  } catch {
    return false;
  }
}
