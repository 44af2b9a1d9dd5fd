/** An item as it goes onto the stream. */
import type { PersistRequestItem } from "../../rpc/api/keeper.js";
import type { Encodable } from "../../rpc/message.js";
import type { Item } from "./item.js";

type WireItem = Encodable<typeof PersistRequestItem>;

export function wireItem({ id, place, bytes }: Item): WireItem {
  switch (place.kind) {
    case "block":
      return { id, item: { case: "block", value: bytes } };
    case "commitQC":
      return { id, item: { case: "commitQc", value: bytes } };
    case "anchor":
      return { id, item: { case: "anchor", value: bytes } };
    case "laneQC":
      return { id, item: { case: "laneQc", value: bytes } };
    case "voteState":
      return {
        id,
        item: { case: "voteState", value: { votes: bytes, roadIndex: place.roadIndex } },
      };
  }
}
