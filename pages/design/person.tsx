// A person in a few letters and lines.

import type { ComponentChildren } from "preact";

/** The initials of a name, or of an email: "AL" for Ada Lovelace. */
function initials(name: string | null, email: string): string {
  const words = (name ?? email.split("@")[0] ?? "").split(/[\s._-]+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const [first, ...rest] = words;
  const letters = [first, rest.at(-1)].flatMap((word) => [...(word ?? "")].slice(0, 1));
  return letters.join("").toLocaleUpperCase() || "?";
}

interface AvatarProps {
  name: string | null;
  email: string;
  large?: boolean;
}

export function Avatar({ name, email, large }: AvatarProps) {
  return (
    // Not a text, because the name of a button would have to contain it (WCAG 2.2, 2.5.3).
    <span class={large ? "avatar large" : "avatar"} data-initials={initials(name, email)} aria-hidden="true" />
  );
}

/** An avatar beside what is said of the person. */
export function Person({ name, email, large, children }: AvatarProps & { children: ComponentChildren }) {
  return (
    <div class="person">
      <Avatar name={name} email={email} {...(large && { large })} />
      <div>{children}</div>
    </div>
  );
}
