/** The kernel's numbers for kinds of routes, their scopes, tables and makers. */

/** Route types. @source include/uapi/linux/rtnetlink.h RTN_* */
export const RTN_UNSPEC = 0;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_ANYCAST = 4;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export const RTN_THROW = 9;

/** How far an address or a route reaches. @source include/uapi/linux/rtnetlink.h RT_SCOPE_* */
export const SCOPE_UNIVERSE = 0;
export const SCOPE_SITE = 200;
export const SCOPE_LINK = 253;
export const SCOPE_HOST = 254;
export const SCOPE_NOWHERE = 255;

/** Well-known routing tables. @source include/uapi/linux/rtnetlink.h RT_TABLE_* */
export const TABLE_DEFAULT = 253;
export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;

/** Who made a route. @source include/uapi/linux/rtnetlink.h RTPROT_* */
export const ROUTE_PROTOCOL_KERNEL = 2;
export const ROUTE_PROTOCOL_BOOT = 3;
