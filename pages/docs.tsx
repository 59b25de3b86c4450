// The reference of the API: Swagger UI over the Worker's own description. It has a style of its own.

import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";

const main = document.createElement("main");
document.body.append(main);

// Without a validator, which would tell another service of this one.
SwaggerUI({ domNode: main, url: "/api/auth/openapi.json", validatorUrl: null, deepLinking: true });
