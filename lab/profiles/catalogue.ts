import { dgx } from "./dgx.ts";
import { gb200 } from "./gb200.ts";
import { idrac9 } from "./idrac9.ts";
import { ilo5 } from "./ilo5.ts";
import { ilo6 } from "./ilo6.ts";
import { openbmc } from "./openbmc.ts";
import type { Profile } from "./profile.ts";
import { supermicro } from "./supermicro.ts";
import { xcc } from "./xcc.ts";

/** All profiles, in the order in which a lab's servers go through them. */
export const profiles: readonly [Profile, ...Profile[]] = [
  idrac9,
  ilo6,
  supermicro,
  xcc,
  openbmc,
  gb200,
  ilo5,
  dgx,
];

export function profileById(id: string): Profile | undefined {
  return profiles.find((profile) => profile.id === id);
}
