/** Virtual time 0 as seconds since 1970: 2025-01-01 00:00:00 UTC, as in world/world.ts. */
const START_SEC = 1_735_689_600;
const NS_PER_SEC = 1_000_000_000;
const DAY_SEC = 86_400;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * A virtual time as ctime(3) writes it: `Wed Jan  1 00:00:00 2025`. The run begins at a fixed date,
 * so the same seed prints the same.
 * @source days to dates: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days
 */
export function dateText(timeNs: number): string {
  const seconds = START_SEC + Math.floor(timeNs / NS_PER_SEC);
  const days = Math.floor(seconds / DAY_SEC);
  const rest = seconds % DAY_SEC;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10;
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return `${DAYS[(days + 4) % 7]} ${MONTHS[month]} ${String(day).padStart(2)} ${clock} ${year}`;
}
