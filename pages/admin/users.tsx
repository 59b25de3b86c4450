// The list of users with search and filters, and a form that creates a user.

import { callSignedIn, type User } from "../parts/api";
import type { Config } from "../parts/config";
import { Choice, EmailField, Field, Form, NewPasswordField, type Values } from "../parts/form";
import { type Listing, Paging } from "../parts/listing";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { Moment } from "../parts/time";
import { userView } from "./addresses";
import { roles, tiers } from "./choices";

/** Returns the link to a list of users. The parameters are those of the API call; empty ones are dropped. */
function address(parameters: URLSearchParams | Values, offset = 0): string {
  const query = new URLSearchParams(parameters);
  query.set("offset", offset ? String(offset) : "");
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  return `#users?${query}`;
}

export function Users({ parameters, config }: { parameters: URLSearchParams; config: Config }) {
  const { value: users, error } = useLoaded(() => callSignedIn<Listing<User>>("GET", `admin/users?${parameters}`));
  const referrer = parameters.get("referrer") ?? "";
  return (
    <>
      <Section title="Users" loading={!users} error={error}>
        <Form
          label="Search"
          inline
          submit={async (values) => {
            location.hash = address(values);
          }}
        >
          <Field name="search" label="Email or name" type="search" defaultValue={parameters.get("search") ?? ""} />
          <Choice
            name="is_active"
            label="Status"
            choices={{ "": "Any", true: "Active", false: "Deactivated" }}
            chosen={parameters.get("is_active") ?? ""}
          />
          <Choice
            name="is_verified"
            label="Email status"
            choices={{ "": "Any", true: "Verified", false: "Not verified" }}
            chosen={parameters.get("is_verified") ?? ""}
          />
          {referrer && <input type="hidden" name="referrer" value={referrer} />}
        </Form>
        {referrer && (
          <p>
            Users invited by one user. <a href="#users">Show all users</a>
          </p>
        )}
        {users && (
          <>
            <ul class="rows">
              {users.items.map((user) => (
                <li key={user.id}>
                  <div>
                    <a href={userView(user.id)}>{user.email}</a>
                    <small>
                      {user.name && `${user.name}, `}created <Moment at={user.created_at} />
                    </small>
                  </div>
                  <Badges user={user} />
                </li>
              ))}
            </ul>
            <Paging listing={users} href={(offset) => address(parameters, offset)} />
          </>
        )}
      </Section>
      <Section title="New user">
        <Form
          label="Create user"
          submit={async ({ email, name, password, role, tier, is_verified }) => {
            const user = await callSignedIn<User>("POST", "admin/users", {
              json: {
                email,
                role,
                tier: Number(tier),
                is_verified: is_verified === "true",
                ...(name && { name }),
                ...(password && { password }),
              },
            });
            location.hash = userView(user.id);
          }}
        >
          <EmailField autoComplete="off" />
          <Field name="name" label="Name (optional)" autoComplete="off" />
          <NewPasswordField
            label="Password (optional)"
            hint="If empty, we email the user a link to set one."
            minLength={config.password_min_length}
            required={false}
          />
          <Choice name="role" label="Role" choices={roles} chosen="user" />
          <Choice name="tier" label="Tier" choices={tiers} chosen="0" />
          <Choice
            name="is_verified"
            label="Email status"
            choices={{ false: "Not verified", true: "Verified" }}
            chosen="false"
          />
        </Form>
      </Section>
    </>
  );
}

export function Badges({ user }: { user: Pick<User, "role" | "is_active"> & { is_verified?: boolean } }) {
  return (
    <span>
      {user.role === "admin" && <span class="badge success">Admin</span>}
      {user.is_verified === false && <span class="badge">Not verified</span>}
      {!user.is_active && <span class="badge error">Deactivated</span>}
    </span>
  );
}
