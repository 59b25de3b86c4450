// Who invited whom, drawn as a tree: nested lists, each below the one who invited.

import { useState } from "preact/hooks";
import { type Outcome, useAction } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton, ConfirmedButton } from "../parts/button";
import { type Listing, Paging } from "../parts/listing";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { treeView, userPath, userView } from "./addresses";
import { Badges } from "./users";

interface Node {
  user: Pick<User, "id" | "email" | "name" | "role" | "is_active">;
  referrer_id: string | null;
  /** How many this user has invited, shown or not. */
  invited: number;
  /** The user with whom this one was frozen, perhaps the very same. */
  frozen_by: string | null;
  /** Since when the freeze that starts at this user is in force. */
  freeze_since: number | null;
}

interface Branch extends Node {
  branches: Branch[];
}

/** The branches of a listing that names everybody after their referrer. Whose referrer is not in it is a root. */
function grow(nodes: Node[]): Branch[] {
  const known = new Map<string, Branch>();
  const roots: Branch[] = [];
  for (const node of nodes) {
    const branch = { ...node, branches: [] };
    const siblings = known.get(node.referrer_id ?? "")?.branches ?? roots;
    siblings.push(branch);
    known.set(node.user.id, branch);
  }
  return roots;
}

export function InviteTree({ parameters }: { parameters: URLSearchParams }) {
  const own = Object.fromEntries(parameters);
  const {
    value: nodes,
    refusal,
    reload,
  } = useLoaded(() => {
    // The most that one call tells: a tree is not read in small pieces.
    const query = new URLSearchParams({ ...own, limit: "100" });
    return callSignedIn<Listing<Node>>("GET", `admin/invite-tree?${query}`);
  });
  const { busy, outcome, run } = useAction();
  const [frozen, setFrozen] = useState<Outcome>();

  const freeze = async ({ id, email }: Node["user"]) => {
    const answer = await callSignedIn<{ frozen: number }>("POST", `${userPath(id)}/freeze`);
    await reload();
    setFrozen({ kind: "success", text: `${people(answer.frozen)} frozen, from ${email} down.`, problems: [] });
  };
  const unfreeze = ({ id, email }: Node["user"], freeze_since: number) => {
    setFrozen(undefined);
    return run(async () => {
      const path = `${userPath(id)}/freeze`;
      const answer = await callSignedIn<{ unfrozen: number }>("DELETE", path, { version: freeze_since }).finally(
        reload,
      );
      return `${people(answer.unfrozen)} active again, from ${email} down.`;
    });
  };
  const href = (offset: number) => `#tree?${new URLSearchParams({ ...own, offset: String(offset) })}`;

  const draw = (branches: Branch[]) => (
    <ul class="tree">
      {branches.map(({ user, invited, frozen_by, freeze_since, branches }) => (
        <li key={user.id}>
          <div class="node">
            <div>
              <a href={userView(user.id)}>{user.name ?? user.email}</a>
              <small>{[user.name && user.email, invited > 0 && `invited ${invited}`].filter(Boolean).join(", ")}</small>
            </div>
            {frozen_by ? <span class="badge refusal">Frozen</span> : <Badges user={user} />}
            {freeze_since !== null && (
              <ActionButton label="Unfreeze" about={user.email} busy={busy} act={() => unfreeze(user, freeze_since)} />
            )}
            {!frozen_by && freeze_since === null && (
              <ConfirmedButton
                label="Freeze"
                about={user.email}
                question={`Freeze ${user.name ?? user.email} and everybody below?`}
                work={() => freeze(user)}
              >
                <p>
                  They cannot sign in, and their invitations do not work, until you unfreeze them. Admins are left out.
                </p>
              </ConfirmedButton>
            )}
          </div>
          {branches.length > 0 && draw(branches)}
          {invited > branches.length && <a href={treeView(user.id)}>Show all below {user.name ?? user.email}</a>}
        </li>
      ))}
    </ul>
  );

  return (
    <Section title="Invite tree" loading={!nodes} refusal={refusal} outcome={frozen ?? outcome}>
      {parameters.has("root") && (
        <p>
          From one user down. <a href="#tree">Show the whole</a>
        </p>
      )}
      {nodes && draw(grow(nodes.items))}
      {nodes && <Paging listing={nodes} href={href} />}
    </Section>
  );
}

function people(count: number): string {
  return count === 1 ? "1 user is" : `${count} users are`;
}
