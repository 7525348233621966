/** What `conntrack -h` prints: netsim's own words, for what netsim emulates of it. */
export const USAGE = `conntrack: the tracked flows of this namespace (as conntrack-tools 1.4.7)
Usage: conntrack COMMAND [filters]

Commands:
  -L  list flows        -D  delete flows      -G  show one flow
  -E  watch events      -F  delete all        -C  count
  -S  statistics        -V  version           -h  this text

Filters:
  -s, -d ADDRESS[/PREFIX]    source, target of the original direction
  -r, -q ADDRESS[/PREFIX]    source, target of the reply direction
  -p PROTOCOL                then --sport, --dport, --reply-port-src, --reply-port-dst,
                             --state (tcp), --icmp-type, --icmp-code, --icmp-id (icmp)
  -n, -g, -j [ADDRESS]       flows with a translated source, target, either
  -m MARK[/MASK]  -u ASSURED|SEEN_REPLY|UNREPLIED|SRC_NAT|DST_NAT  -f ipv4
Output:
  -o extended,id,timestamp   -e NEW,UPDATES,DESTROY (with -E)   -z (zero counters, with -L)
`;
