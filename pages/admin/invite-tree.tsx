// The invite tree: nested lists, each user below the user who invited them.

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
  /** How many users this user has invited, including those on other pages. */
  invited: number;
  /** Id of the user at whom the freeze started: this user or one further up. */
  frozen_by: string | null;
  /** When the freeze that starts at this user began. */
  freeze_since: number | null;
}

interface Branch extends Node {
  branches: Branch[];
}

/** Builds trees from a listing in which referrers precede the users they invited. A user whose referrer is missing is a root. */
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
    error,
    reload,
  } = useLoaded(() => {
    // The maximum per call: small pages would cut the tree into pieces.
    const query = new URLSearchParams({ ...own, limit: "100" });
    return callSignedIn<Listing<Node>>("GET", `admin/invite-tree?${query}`);
  });
  const { busy, outcome, run } = useAction();
  const [frozen, setFrozen] = useState<Outcome>();

  const freeze = async ({ id, email }: Node["user"]) => {
    const result = await callSignedIn<{ frozen: number }>("POST", `${userPath(id)}/freeze`);
    await reload();
    setFrozen({ kind: "success", text: `${count(result.frozen)} frozen: ${email} and everyone below.`, problems: [] });
  };
  const unfreeze = ({ id, email }: Node["user"], freeze_since: number) => {
    setFrozen(undefined);
    return run(async () => {
      const path = `${userPath(id)}/freeze`;
      const result = await callSignedIn<{ unfrozen: number }>("DELETE", path, { version: freeze_since }).finally(
        reload,
      );
      return `${count(result.unfrozen)} unfrozen: ${email} and everyone below.`;
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
            {frozen_by ? <span class="badge error">Frozen</span> : <Badges user={user} />}
            {freeze_since !== null && (
              <ActionButton label="Unfreeze" about={user.email} busy={busy} act={() => unfreeze(user, freeze_since)} />
            )}
            {!frozen_by && freeze_since === null && (
              <ConfirmedButton
                label="Freeze"
                about={user.email}
                question={`Freeze ${user.name ?? user.email} and everyone below?`}
                work={() => freeze(user)}
              >
                <p>
                  Until you unfreeze them, they cannot sign in and their invitations do not work. Admins are not
                  affected.
                </p>
              </ConfirmedButton>
            )}
          </div>
          {branches.length > 0 && draw(branches)}
          {invited > branches.length && <a href={treeView(user.id)}>Show everyone below {user.name ?? user.email}</a>}
        </li>
      ))}
    </ul>
  );

  return (
    <Section title="Invite tree" loading={!nodes} error={error} outcome={frozen ?? outcome}>
      {parameters.has("root") && (
        <p>
          This is one branch. <a href="#tree">Show the whole tree</a>
        </p>
      )}
      {nodes && draw(grow(nodes.items))}
      {nodes && <Paging listing={nodes} href={href} />}
    </Section>
  );
}

function count(users: number): string {
  return users === 1 ? "1 user" : `${users} users`;
}
