export const LABELS = ["open", "short", "mousebite", "spur", "copper", "pin-hole"];

/** A detection is right beyond this IoU, as the dataset's authors count. */
export const IOU_MIN = 0.33;
