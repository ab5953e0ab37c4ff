import type { Profile } from "#lab/profiles/profile.ts";

/** A JSON object on its way out. Properties that are undefined are not sent. */
export type Body = { readonly [name: string]: unknown };

export interface Answer {
  readonly status: number;
  /** A string is sent as it is, with `contentType`. */
  readonly body?: Body | string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An entry of a message registry, as one vendor sends it. */
export interface Message {
  readonly status: number;
  /** `PropertyUnknown` of the profile's own registry, or with another one: `iLO.2.25.PowerValueNotOptional`. */
  readonly id: string;
  readonly text: string;
  readonly args?: readonly string[];
  readonly resolution?: string;
  /** JSON pointer of the property that the message is about. */
  readonly property?: string;
  readonly retryAfterS?: number;
}

/** The error body of DSP0266 §8.6, with the vendor's manners. */
export function refuse(profile: Profile, ...messages: readonly [Message, ...Message[]]): Answer {
  const [first] = messages;
  const headers =
    first.retryAfterS === undefined ? {} : { "Retry-After": String(first.retryAfterS) };
  return {
    status: first.status,
    headers,
    body: {
      error: {
        code: `${profile.wire.registry}.GeneralError`,
        message: "A general error has occurred. See ExtendedInfo for more information.",
        "@Message.ExtendedInfo": messages.map((message) => extendedInfo(profile, message)),
      },
    },
  };
}

export function extendedInfo(profile: Profile, message: Message): Body {
  const id = message.id.includes(".") ? message.id : `${profile.wire.registry}.${message.id}`;
  const args = message.args ?? [];
  if (!profile.wire.messagesHaveText) return { MessageArgs: args, MessageId: id };
  return {
    "@odata.type": "#Message.v1_1_1.Message",
    MessageId: id,
    Message: message.text,
    MessageArgs: args,
    RelatedProperties: message.property === undefined ? undefined : [message.property],
    Severity: message.status < 400 ? "OK" : "Warning",
    Resolution: message.resolution ?? "None.",
  };
}

/** The messages of the Base registry that the lab uses, each with the status that goes with it. */
export const base = {
  notFound: (path: string): Message => ({
    status: 404,
    id: "ResourceMissingAtURI",
    text: `The resource at the URI ${path} was not found.`,
    args: [path],
    resolution: "Place a valid resource at the URI or correct the URI and resubmit the request.",
  }),
  noSession: (): Message => ({
    status: 401,
    id: "NoValidSession",
    text: "There is no valid session established with the implementation.",
    resolution: "Establish a session before attempting any operations.",
  }),
  accessDenied: (path: string): Message => ({
    status: 401,
    id: "ResourceAtUriUnauthorized",
    text: `While accessing the resource at ${path}, the service received an authorization error: invalid username or password.`,
    args: [path, "invalid username or password"],
    resolution:
      "Ensure that the appropriate access is provided for the service in order for it to access the URI.",
  }),
  methodNotAllowed: (): Message => ({
    status: 405,
    id: "OperationNotAllowed",
    text: "The HTTP method is not allowed on this resource.",
  }),
  malformedJson: (): Message => ({
    status: 400,
    id: "MalformedJSON",
    text: "The request body submitted was malformed JSON and could not be parsed by the receiving service.",
  }),
  unknownProperty: (name: string): Message => ({
    status: 400,
    id: "PropertyUnknown",
    text: `The property ${name} is not in the list of valid properties for the resource.`,
    args: [name],
    property: `#/${name}`,
    resolution:
      "Remove the unknown property from the request body and resubmit the request if the operation failed.",
  }),
  notWritable: (name: string): Message => ({
    status: 400,
    id: "PropertyNotWritable",
    text: `The property ${name} is a read only property and cannot be assigned a value.`,
    args: [name],
    property: `#/${name}`,
  }),
  missingProperty: (name: string): Message => ({
    status: 400,
    id: "PropertyMissing",
    text: `The property ${name} is a required property and must be included in the request.`,
    args: [name],
    property: `#/${name}`,
  }),
  valueNotInList: (name: string, value: unknown): Message => ({
    status: 400,
    id: "PropertyValueNotInList",
    text: `The value '${JSON.stringify(value)}' for the property ${name} is not in the list of acceptable values.`,
    args: [JSON.stringify(value), name],
    property: `#/${name}`,
    resolution:
      "Choose a value from the enumeration list that the implementation can support and resubmit the request.",
  }),
  wrongType: (name: string, value: unknown): Message => ({
    status: 400,
    id: "PropertyValueTypeError",
    text: `The value '${JSON.stringify(value)}' for the property ${name} is of a different type than the property can accept.`,
    args: [JSON.stringify(value), name],
    property: `#/${name}`,
  }),
  missingParameter: (action: string, name: string): Message => ({
    status: 400,
    id: "ActionParameterMissing",
    text: `The action ${action} requires that the parameter ${name} be present in the request body.`,
    args: [action, name],
    property: `#/${name}`,
    resolution:
      "Supply the action with the required parameter in the request body when the request is resubmitted.",
  }),
  unknownParameter: (action: string, name: string): Message => ({
    status: 400,
    id: "ActionParameterUnknown",
    text: `The action ${action} was submitted with the invalid parameter ${name}.`,
    args: [action, name],
    property: `#/${name}`,
  }),
  parameterNotInList: (action: string, name: string, value: unknown): Message => ({
    status: 400,
    id: "ActionParameterValueNotInList",
    text: `The value '${JSON.stringify(value)}' for the parameter ${name} in the action ${action} is not in the list of acceptable values.`,
    args: [JSON.stringify(value), name, action],
    property: `#/${name}`,
  }),
  queryNotSupported: (query: string): Message => ({
    status: 501,
    id: "QueryParameterUnsupported",
    text: `Query parameter '${query}' is not supported.`,
    args: [query],
  }),
  preconditionFailed: (): Message => ({
    status: 412,
    id: "PreconditionFailed",
    text: "The ETag supplied did not match the current ETag of the resource.",
    resolution: "Try the operation again using the appropriate ETag.",
  }),
  preconditionRequired: (): Message => ({
    status: 428,
    id: "PreconditionRequired",
    text: "A precondition header or annotation is required to change this resource.",
    resolution:
      "Try the operation again using an If-Match or If-None-Match header and appropriate ETag.",
  }),
  inUse: (): Message => ({
    status: 409,
    id: "ResourceInUse",
    text: "The change to the requested resource failed because the resource is in use or in transition.",
    resolution: "Remove the condition and resubmit the request if the operation failed.",
  }),
  unavailable: (seconds: number): Message => ({
    status: 503,
    id: "ServiceTemporarilyUnavailable",
    text: `The service is temporarily unavailable. Retry in ${seconds} seconds.`,
    args: [String(seconds)],
    resolution: "Wait for the indicated retry duration and retry the operation.",
    retryAfterS: seconds,
  }),
  success: (): Message => ({
    status: 200,
    id: "Success",
    text: "The request completed successfully.",
  }),
} as const;

/** What a completed write is answered with where the vendor sends a body. */
export function succeeded(profile: Profile, status: 200 | 204): Answer {
  if (status === 204) return { status };
  return { status, body: { "@Message.ExtendedInfo": [extendedInfo(profile, base.success())] } };
}
