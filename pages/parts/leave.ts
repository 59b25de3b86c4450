// The way out of a page. Only the first call does something: after a sign-out, for example, other calls of the page find the
// session ended and lead to the sign-in page as well, and a second navigation would abort the first.

let isLeaving = false;

/** Replaces the page with another one. */
export function leaveFor(url: string): void {
  leave(() => location.replace(url));
}

/** Goes to another page, from which the user can come back to this one. Other calls can still leave the page. */
export function goTo(url: string): void {
  if (!isLeaving) location.assign(url);
}

/** Loads the page again. */
export function reload(): void {
  leave(() => location.reload());
}

function leave(navigate: () => void): void {
  if (isLeaving) return;
  isLeaving = true;
  navigate();
}
