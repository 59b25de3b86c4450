// How hard a new password is to guess, while the user types it.

import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { useEffect, useState } from "preact/hooks";
import { t } from "../languages";

/** The names of the levels, from 1 to 4, and how their bars look. */
const looks = ["weak", "fair", "good", "good"] as const;

/** Longer passwords take long to estimate, and are hard to guess. */
const longest = 64;

interface StrengthProps {
  password: string;
  /** What an attacker tries first: the email, the name, the service. */
  known: string[];
}

export function Strength({ password, known }: StrengthProps) {
  const [level, setLevel] = useState<1 | 2 | 3 | 4>();
  useEffect(() => {
    setLevel(password === "" ? undefined : levelOf(password, known));
  }, [password]);
  return (
    <div class="strength">
      {level && (
        <div aria-hidden="true">
          {looks.map((_, index) => (
            <i key={index} class={index < level ? looks[level - 1] : undefined} />
          ))}
        </div>
      )}
      <small role="status">{level && t(`password.strength.${level}`)}</small>
    </div>
  );
}

function levelOf(password: string, known: string[]): 1 | 2 | 3 | 4 {
  const words = known.flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u)).filter((word) => word.length > 2);
  const { score } = new ZxcvbnFactory({ dictionary: { known: words } }).check(password.slice(0, longest));
  return score === 0 ? 1 : score;
}
