// The invite tree: nested lists, each user below the user who invited them. Branches are loaded when they are opened.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Outcome, useAction } from "../design/action";
import { Button, ConfirmDialog } from "../design/button";
import { Field, Form } from "../design/form";
import { Menu } from "../design/menu";
import { type Listing, Paging } from "../design/paging";
import { Section } from "../design/section";
import { Skeleton } from "../design/skeleton";
import { toast } from "../design/toast";
import { rich, t } from "../languages";
import { callSignedIn, type User } from "../parts/api";
import { useLoaded } from "../parts/loaded";
import { treeView, userPath, userView } from "./addresses";
import { Badges } from "./badges";

interface Node {
  user: Pick<User, "id" | "email" | "name" | "role" | "is_active">;
  /** How many users this user has invited. */
  invited: number;
  /** How many users are below, counted up to {@link countedUpTo}. */
  descendants: number;
  /** Id of the user at whom the freeze started: this user or one further up. */
  frozen_by: string | null;
  /** When the freeze that starts at this user began. */
  freeze_since: number | null;
}

/** What a freeze would do. */
interface FreezePreview {
  active: number;
}

const countedUpTo = 1_000;
const pageSize = 50;
/** The most users that a search offers. */
const mostFound = 10;
/** The most users that the service returns at once. */
const mostAtOnce = 100;

const nameOf = ({ name, email }: Node["user"]) => name ?? email;

export function InviteTree({ parameters }: { parameters: URLSearchParams }) {
  const [outcome, setOutcome] = useState<Outcome>();
  const [found, setFound] = useState<Listing<User>>();
  const root = parameters.get("root");
  // Another number loads the tree again, after a freeze.
  const [version, setVersion] = useState(0);
  const changed = () => setVersion((version) => version + 1);

  async function find({ search = "" }: Record<string, string>): Promise<void> {
    setOutcome(undefined);
    setFound(undefined);
    const query = new URLSearchParams({ search, limit: String(mostFound) });
    const users = await callSignedIn<Listing<User>>("GET", `admin/users?${query}`);
    const [user] = users.items;
    if (!user) setOutcome({ kind: "error", text: t("tree.search.none", { search }), problems: [] });
    else if (users.total === 1) location.hash = treeView(user.id);
    else setFound(users);
  }

  return (
    <Section title={t("tree")} isView outcome={outcome}>
      <Form label={t("tree.search.submit")} intent="secondary" inline submit={find}>
        <Field name="search" label={t("tree.search")} type="search" autoComplete="off" required />
      </Form>
      {found && <Found users={found} />}
      {root === null ? (
        <Roots offset={Number(parameters.get("offset") ?? 0)} version={version} changed={changed} />
      ) : (
        <Path id={root} version={version} changed={changed} />
      )}
    </Section>
  );
}

/** The users that a search has found, to choose one. */
function Found({ users: { items, total } }: { users: Listing<User> }) {
  return (
    <div class="found" role="status">
      <p>{t("tree.search.several", { count: total })}</p>
      <ul>
        {items.map((user) => (
          <li key={user.id}>
            <a href={treeView(user.id)}>{nameOf(user)}</a> <span class="soft">{user.name && user.email}</span>
          </li>
        ))}
      </ul>
      {total > items.length && <p class="soft">{t("tree.search.more")}</p>}
    </div>
  );
}

interface PartProps {
  version: number;
  changed: () => void;
}

/** The users whom nobody invited. */
function Roots({ offset, version, changed }: PartProps & { offset: number }) {
  const query = new URLSearchParams({ depth: "0", limit: String(pageSize), offset: String(offset) });
  const { value, error } = useLoaded(
    () => callSignedIn<Listing<Node>>("GET", `admin/invite-tree?${query}`),
    String(version),
  );
  if (error) return <Problem text={error.message} />;
  if (!value) return <Skeleton lines={5} />;
  return (
    <>
      <ul class="tree">
        {value.items.map((node) => (
          <Branch
            key={node.user.id}
            node={node}
            version={version}
            changed={changed}
            // One root alone says nothing.
            isOpen={value.total === 1}
          />
        ))}
      </ul>
      {value.total > value.items.length && <Paging listing={value} href={(offset) => `#tree?offset=${offset}`} />}
    </>
  );
}

/** One user, below those who led to them. */
function Path({ id, version, changed }: PartProps & { id: string }) {
  const { value, error } = useLoaded(
    () => callSignedIn<{ items: Node[]; is_complete: boolean }>("GET", `${userPath(id)}/referrers`),
    String(version),
  );
  if (error) return <Problem text={error.message} />;
  if (!value) return <Skeleton lines={5} />;
  const user = value.items.at(-1)?.user;
  const draw = ([first, ...rest]: Node[]) =>
    first && (
      <ul class="tree">
        <Branch
          key={first.user.id}
          node={first}
          version={version}
          changed={changed}
          isOpen={rest.length === 0}
          isFound={rest.length === 0}
        >
          {rest.length > 0 && draw(rest)}
        </Branch>
      </ul>
    );
  return (
    <>
      <p>
        {rich("tree.path", {
          user: <strong>{user && nameOf(user)}</strong>,
          link: <a href="#tree">{t("tree.whole")}</a>,
        })}
      </p>
      {!value.is_complete && <p class="soft">{t("tree.incomplete")}</p>}
      {draw(value.items)}
    </>
  );
}

function Problem({ text }: { text: string }) {
  return (
    <p class="message error" role="alert">
      {text}
    </p>
  );
}

interface BranchProps extends PartProps {
  node: Node;
  /** Whether it starts open. */
  isOpen?: boolean;
  /** Whether it is the user whom the tree is about. */
  isFound?: boolean;
  /** What is below instead of all whom the user invited. */
  children?: ComponentChildren;
}

function Branch({ node, isOpen: startsOpen = false, isFound, version, changed, children }: BranchProps) {
  const { user, invited, descendants } = node;
  const [isOpen, setOpen] = useState(startsOpen);
  const name = nameOf(user);
  return (
    <li>
      <div class={isFound ? "node found" : "node"}>
        <div class="person">
          {invited > 0 && !children ? (
            <button
              type="button"
              class="icon"
              aria-expanded={isOpen}
              aria-label={t(isOpen ? "tree.collapse" : "tree.expand", { user: name })}
              onClick={() => setOpen(!isOpen)}
            >
              {isOpen ? "−" : "+"}
            </button>
          ) : (
            <span class="icon-space" />
          )}
          <div>
            <span class="badges">
              <a href={userView(user.id)}>{name}</a>
              <Badges user={{ ...user, frozen_by: node.frozen_by }} />
            </span>
            <small>
              {[user.name && user.email, descendants > 0 && below(descendants)].filter(Boolean).join(" · ")}
            </small>
          </div>
        </div>
        <NodeActions node={node} changed={changed} />
      </div>
      {children}
      {isOpen && !children && <Invitees id={user.id} version={version} changed={changed} />}
    </li>
  );
}

function below(count: number): string {
  return t(count < countedUpTo ? "tree.below" : "tree.below.many", { count });
}

/** The users whom a user invited, page by page. */
function Invitees({ id, version, changed }: PartProps & { id: string }) {
  const [nodes, setNodes] = useState<Node[]>();
  const [total, setTotal] = useState(0);
  const { busy, outcome, run } = useAction();
  const load = (offset: number) =>
    run(async () => {
      // After a change, those that are shown are loaded again, with the inviter, as far as one request returns them.
      const shown = offset === 0 && nodes ? nodes.length + 1 : 0;
      const limit = Math.min(Math.max(pageSize, shown), mostAtOnce);
      const query = new URLSearchParams({ root: id, depth: "1", limit: String(limit), offset: String(offset) });
      const page = await callSignedIn<Listing<Node>>("GET", `admin/invite-tree?${query}`);
      // The list starts with the inviter.
      const items = offset === 0 ? page.items.slice(1) : page.items;
      setNodes((earlier) => (offset === 0 ? items : [...(earlier ?? []), ...items]));
      setTotal(page.total - 1);
    });
  useEffect(() => {
    load(0);
  }, [version]);
  if (outcome) return <Problem text={outcome.text} />;
  if (!nodes) return <Skeleton lines={2} />;
  return (
    <>
      <ul class="tree">
        {nodes.map((node) => (
          <Branch key={node.user.id} node={node} version={version} changed={changed} />
        ))}
      </ul>
      {nodes.length < total && <Button label={t("tree.more")} small busy={busy} act={() => load(nodes.length + 1)} />}
    </>
  );
}

function NodeActions({ node: { user, frozen_by, freeze_since }, changed }: { node: Node; changed: () => void }) {
  const [preview, setPreview] = useState<FreezePreview>();
  const { busy, outcome, run } = useAction();
  const path = `${userPath(user.id)}/freeze`;
  const ask = () =>
    run(async () => {
      setPreview(await callSignedIn<FreezePreview>("GET", path));
    });
  const unfreeze = (version: number) =>
    run(async () => {
      const { unfrozen } = await callSignedIn<{ unfrozen: number }>("DELETE", path, { version }).finally(changed);
      return t("tree.unfrozen", { count: unfrozen, user: user.email });
    });
  return (
    <>
      <Menu label="⋯" name={t("tree.actions", { user: user.email })} look="icon">
        <li>
          <a href={userView(user.id)}>{t("tree.open")}</a>
        </li>
        {freeze_since !== null && (
          <li>
            <button type="button" aria-disabled={busy} onClick={() => unfreeze(freeze_since)}>
              {t("tree.unfreeze")}
            </button>
          </li>
        )}
        {!frozen_by && freeze_since === null && (
          <li>
            <button type="button" class="danger" aria-disabled={busy} onClick={ask}>
              {t("tree.freeze")}
            </button>
          </li>
        )}
      </Menu>
      {preview && (
        <ConfirmDialog
          question={t("tree.freeze.question", { user: user.email })}
          confirm={t("tree.freeze")}
          closed={() => setPreview(undefined)}
          work={async () => {
            const { frozen } = await callSignedIn<{ frozen: number }>("POST", path);
            changed();
            toast(t("tree.frozen", { count: frozen, user: user.email }));
          }}
        >
          <p>{t("tree.freeze.counts", { count: preview.active })}</p>
          <p>{t("tree.freeze.about")}</p>
        </ConfirmDialog>
      )}
      {outcome && <Problem text={outcome.text} />}
    </>
  );
}
