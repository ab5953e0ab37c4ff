import { z } from "zod";
import type { ResourceKind } from "#domain/resource-model.ts";
import { type PageQuery, listQuery, paginationOf } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { list, single } from "#http/envelope.ts";
import { type Place, PlaceParams, placeOf } from "#http/place.ts";
import { paging } from "#http/queries.ts";
import { notThere } from "#http/start-run.ts";
import type { ListPage, ListQuery } from "#projections/list-query.ts";

/** Reading resources, by the page and one by one: alike for every kind. */

/** A kind of resource as the routes show it. */
export interface Shown<Params extends z.ZodObject> {
  readonly type: ResourceKind;
  /** In words; its plural ends with an s. */
  readonly noun: string;
  readonly tag: string;
  /** Of one of them. */
  readonly path: string;
  readonly params: Params;
  readonly idOf: (params: z.output<Params>) => string;
}

export interface Listed<Filter, Key, Sort extends string, Item> extends Pick<
  Shown<z.ZodObject>,
  "noun" | "tag"
> {
  /** Of all of them. */
  readonly path: string;
  readonly description?: string;
  readonly schema: z.ZodType;
  /** What can be asked for beside order and page; the reader's filter is made of the answers and the place. */
  readonly filters: z.ZodRawShape;
  readonly sorts: readonly [Sort, ...Sort[]];
  readonly key: z.ZodType<Key>;
  readonly reader: {
    list(query: ListQuery<Filter, Key, Sort>): Promise<ListPage<Item, Key>>;
  };
}

/** The first of the sorts is the usual one. */
export const listRoute = <Filter, Key, Sort extends string, Item>(
  { region }: Pick<ApiDependencies, "region">,
  kind: Listed<Filter, Key, Sort, Item>,
): Route =>
  route(
    {
      method: "get",
      path: kind.path,
      tag: kind.tag,
      summary: `List ${kind.noun}s`,
      ...(kind.description !== undefined && { description: kind.description }),
      access: "key",
      params: PlaceParams,
      query: z.strictObject({
        ...kind.filters,
        sort: z.enum(kind.sorts).default(kind.sorts[0] as never),
        ...paging,
      }),
      answers: {
        200: { description: `A page of ${kind.noun}s`, schema: list(kind.schema) },
      },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      const { limit, cursor, page, sort, ...asked } = query as PageQuery & { readonly sort: Sort };
      const filter = { ...placeOf(params, region), ...asked } as Filter;
      const paged = { limit, cursor, page };
      const found = await kind.reader.list(listQuery({ filter, sort, page: paged }, kind.key));
      return {
        status: 200,
        data: found.items,
        meta: { pagination: paginationOf(found, paged, [filter, sort]) },
      };
    },
  );

export const readRoute = <Params extends z.ZodObject>(
  { region }: Pick<ApiDependencies, "region">,
  kind: Shown<Params> & {
    readonly schema: z.ZodType;
    readonly get: (id: string, place: Place) => Promise<object | null>;
  },
): Route =>
  route(
    {
      method: "get",
      path: kind.path,
      tag: kind.tag,
      summary: `Read a ${kind.noun}`,
      access: "key",
      params: kind.params,
      answers: { 200: { description: `The ${kind.noun}`, schema: single(kind.schema) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params }) => {
      const id = kind.idOf(params);
      const found = await kind.get(id, placeOf(params as unknown as Place, region));
      if (found === null) throw notThere(kind.type, id);
      return { status: 200, data: found };
    },
  );
