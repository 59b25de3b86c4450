// The list of users, with search, filters, actions on several users, and an export.

import { useState } from "preact/hooks";
import { useAction } from "../design/action";
import { Button } from "../design/button";
import { Choice, Field, Form, Message, type Values } from "../design/form";
import { type Listing, Paging } from "../design/paging";
import { Person } from "../design/person";
import { Section } from "../design/section";
import { Empty } from "../design/skeleton";
import { Day, Distance } from "../design/time";
import { toast } from "../design/toast";
import { rich, t } from "../languages";
import { callSignedIn, type User } from "../parts/api";
import type { Config } from "../parts/config";
import { useLoaded } from "../parts/loaded";
import { saveText } from "../parts/save";
import { userPath, userView } from "./addresses";
import { Badges } from "./badges";
import { BulkActions } from "./bulk-actions";
import { activities, orAny, orders, roles, secondFactors, tiers, verifications } from "./choices";
import { exportUsers } from "./export-users";
import { NewUser } from "./new-user";

export interface ListedUser extends User {
  second_factor: boolean;
  frozen_by: string | null;
  last_sign_in_at: number | null;
}

/** The filters that are behind a click. */
const filters = ["role", "tier", "is_active", "is_verified", "second_factor", "sort"];

/** Returns the link to a list of users. The parameters are those of the API call; empty ones are dropped. */
function address(parameters: URLSearchParams | Values, offset = 0): string {
  const query = new URLSearchParams(parameters);
  query.set("offset", offset ? String(offset) : "");
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  return `#users?${query}`;
}

interface UsersProps {
  parameters: URLSearchParams;
  config: Config;
  self: User;
}

export function Users({ parameters, config, self }: UsersProps) {
  const { value, error, reload } = useLoaded(() =>
    callSignedIn<Listing<ListedUser>>("GET", `admin/users?${parameters}`),
  );
  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const exporting = useAction();
  const referrer = parameters.get("referrer") ?? "";
  const chosen = (name: string) => parameters.get(name) ?? "";

  const download = () =>
    exporting.run(async () => {
      const { csv, count, isComplete } = await exportUsers(parameters);
      saveText("users.csv", csv, "text/csv");
      return t(isComplete ? "users.exported" : "users.exported.partly", { count });
    });
  const toggle = (id: string, isOn: boolean) => {
    const next = new Set(selected);
    if (isOn) next.add(id);
    else next.delete(id);
    select(next);
  };
  return (
    <Section
      title={t("admin.users")}
      isView
      loading={!value}
      error={error}
      actions={
        <div class="actions">
          <Button label={t("users.export")} small busy={exporting.busy} act={download} />
          <NewUser config={config} />
        </div>
      }
    >
      <Message outcome={exporting.outcome} />
      <Form
        label={t("users.search.submit")}
        intent="secondary"
        inline
        submit={async (values) => {
          location.hash = address(values);
        }}
      >
        <Field name="search" label={t("users.search")} type="search" defaultValue={chosen("search")} />
        {referrer && <input type="hidden" name="referrer" value={referrer} />}
        <details open={filters.some((name) => chosen(name))}>
          <summary>{t("users.filter")}</summary>
          <div class="fields">
            <Choice
              name="is_active"
              label={t("users.status")}
              choices={orAny(activities())}
              chosen={chosen("is_active")}
            />
            <Choice
              name="is_verified"
              label={t("users.email_status")}
              choices={orAny(verifications())}
              chosen={chosen("is_verified")}
            />
            <Choice name="role" label={t("users.role")} choices={orAny(roles())} chosen={chosen("role")} />
            <Choice name="tier" label={t("users.tier")} choices={orAny(tiers)} chosen={chosen("tier")} />
            <Choice
              name="second_factor"
              label={t("users.second_factor")}
              choices={orAny(secondFactors())}
              chosen={chosen("second_factor")}
            />
            <Choice name="sort" label={t("users.sort")} choices={orders()} chosen={chosen("sort")} />
          </div>
        </details>
      </Form>
      {referrer && <InvitedBy id={referrer} />}
      {value && value.items.length > 0 && (
        <>
          <UserTable
            users={value.items}
            self={self}
            selected={selected}
            toggle={toggle}
            toggleAll={(isOn) =>
              select(new Set(isOn ? value.items.map(({ id }) => id).filter((id) => id !== self.id) : []))
            }
          />
          <BulkActions
            users={value.items.filter(({ id }) => selected.has(id))}
            done={async (text) => {
              select(new Set());
              await reload();
              toast(text);
            }}
            failed={reload}
          />
        </>
      )}
      {value?.total === 0 && <Empty>{t("users.none")}</Empty>}
      {value && value.total > 0 && <Paging listing={value} href={(offset) => address(parameters, offset)} />}
    </Section>
  );
}

/** Says whose invitees the list shows. */
function InvitedBy({ id }: { id: string }) {
  const { value: inviter } = useLoaded(() => callSignedIn<User>("GET", userPath(id)));
  return (
    <p>
      {inviter && rich("users.invited_by", { inviter: <a href={userView(id)}>{inviter.email}</a> })}{" "}
      <a href="#users">{t("users.show_all")}</a>
    </p>
  );
}

interface UserTableProps {
  users: ListedUser[];
  /** Admins cannot deactivate or delete themselves, so they cannot select themselves. */
  self: User;
  selected: ReadonlySet<string>;
  toggle: (id: string, isOn: boolean) => void;
  toggleAll: (isOn: boolean) => void;
}

function UserTable({ users, self, selected, toggle, toggleAll }: UserTableProps) {
  const others = users.filter(({ id }) => id !== self.id);
  const column = {
    user: t("users.column.user"),
    tier: t("users.tier"),
    status: t("users.column.status"),
    secondFactor: t("users.second_factor"),
    lastSignIn: t("users.column.last_sign_in"),
    created: t("users.column.created"),
  };
  return (
    <table class="table">
      <thead>
        <tr>
          <th>
            <input
              type="checkbox"
              aria-label={t("users.select_all")}
              checked={others.length > 0 && others.every(({ id }) => selected.has(id))}
              onChange={({ currentTarget }) => toggleAll(currentTarget.checked)}
            />
          </th>
          {Object.values(column).map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <tr key={user.id}>
            <td class="select">
              {user.id !== self.id && (
                <input
                  type="checkbox"
                  aria-label={t("users.select", { user: user.email })}
                  checked={selected.has(user.id)}
                  onChange={({ currentTarget }) => toggle(user.id, currentTarget.checked)}
                />
              )}
            </td>
            <td>
              <Person name={user.name} email={user.email}>
                <a href={userView(user.id)}>{user.email}</a>
                {user.name && <small>{user.name}</small>}
              </Person>
            </td>
            <td data-label={column.tier}>{user.tier}</td>
            <td data-label={column.status}>
              <Badges user={user} />
            </td>
            <td data-label={column.secondFactor}>
              {t(user.second_factor ? "users.second_factor.on" : "users.second_factor.off")}
            </td>
            <td data-label={column.lastSignIn}>
              {user.last_sign_in_at === null ? (
                <span class="soft">{t("users.never")}</span>
              ) : (
                <Distance to={user.last_sign_in_at} />
              )}
            </td>
            <td data-label={column.created}>
              <Day at={user.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
