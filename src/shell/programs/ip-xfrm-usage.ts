/** What `ip xfrm state help` and `ip xfrm policy help` say. @source iproute2 6.1 */
export const STATE_USAGE =
  'Usage: ip xfrm state { add | update } ID [ ALGO-LIST ] [ mode MODE ]\n' +
  '        [ mark MARK [ mask MASK ] ] [ reqid REQID ] [ seq SEQ ]\n' +
  '        [ replay-window SIZE ] [ replay-seq SEQ ] [ replay-oseq SEQ ]\n' +
  '        [ replay-seq-hi SEQ ] [ replay-oseq-hi SEQ ]\n' +
  '        [ flag FLAG-LIST ] [ sel SELECTOR ] [ LIMIT-LIST ] [ encap ENCAP ]\n' +
  '        [ coa ADDR[/PLEN] ] [ ctx CTX ] [ extra-flag EXTRA-FLAG-LIST ]\n' +
  '        [ offload [dev DEV] dir DIR ]\n' +
  '        [ output-mark OUTPUT-MARK [ mask MASK ] ]\n' +
  '        [ if_id IF_ID ] [ tfcpad LENGTH ]\n' +
  'Usage: ip xfrm state allocspi ID [ mode MODE ] [ mark MARK [ mask MASK ] ]\n' +
  '        [ reqid REQID ] [ seq SEQ ] [ min SPI max SPI ]\n' +
  'Usage: ip xfrm state { delete | get } ID [ mark MARK [ mask MASK ] ]\n' +
  'Usage: ip xfrm state deleteall [ ID ] [ mode MODE ] [ reqid REQID ]\n' +
  '        [ flag FLAG-LIST ]\n' +
  'Usage: ip xfrm state list [ nokeys ] [ ID ] [ mode MODE ] [ reqid REQID ]\n' +
  '        [ flag FLAG-LIST ]\n' +
  'Usage: ip xfrm state flush [ proto XFRM-PROTO ]\n' +
  'Usage: ip xfrm state count\n' +
  'ID := [ src ADDR ] [ dst ADDR ] [ proto XFRM-PROTO ] [ spi SPI ]\n' +
  'XFRM-PROTO := esp | ah | comp | route2 | hao\n' +
  'ALGO-LIST := [ ALGO-LIST ] ALGO\n' +
  'ALGO := { enc | auth } ALGO-NAME ALGO-KEYMAT |\n' +
  '        auth-trunc ALGO-NAME ALGO-KEYMAT ALGO-TRUNC-LEN |\n' +
  '        aead ALGO-NAME ALGO-KEYMAT ALGO-ICV-LEN |\n' +
  '        comp ALGO-NAME\n' +
  'MODE := transport | tunnel | beet | ro | in_trigger\n' +
  'FLAG-LIST := [ FLAG-LIST ] FLAG\n' +
  'FLAG := noecn | decap-dscp | nopmtudisc | wildrecv | icmp | af-unspec | align4 | esn\n' +
  'EXTRA-FLAG-LIST := [ EXTRA-FLAG-LIST ] EXTRA-FLAG\n' +
  'EXTRA-FLAG := dont-encap-dscp | oseq-may-wrap\n' +
  'SELECTOR := [ src ADDR[/PLEN] ] [ dst ADDR[/PLEN] ] [ dev DEV ] [ UPSPEC ]\n' +
  'UPSPEC := proto { { tcp | udp | sctp | dccp } [ sport PORT ] [ dport PORT ] |\n' +
  '                  { icmp | ipv6-icmp | mobility-header } [ type NUMBER ] [ code NUMBER ] |\n' +
  '                  gre [ key { DOTTED-QUAD | NUMBER } ] | PROTO }\n' +
  'LIMIT-LIST := [ LIMIT-LIST ] limit LIMIT\n' +
  'LIMIT := { time-soft | time-hard | time-use-soft | time-use-hard } SECONDS |\n' +
  '         { byte-soft | byte-hard } SIZE | { packet-soft | packet-hard } COUNT\n' +
  'ENCAP := { espinudp | espinudp-nonike | espintcp } SPORT DPORT OADDR\n' +
  'DIR := in | out\n';

export const POLICY_USAGE =
  'Usage: ip xfrm policy { add | update } SELECTOR dir DIR [ ctx CTX ]\n' +
  '\t[ mark MARK [ mask MASK ] ] [ index INDEX ] [ ptype PTYPE ]\n' +
  '\t[ action ACTION ] [ priority PRIORITY ] [ flag FLAG-LIST ]\n' +
  '\t[ if_id IF_ID ] [ LIMIT-LIST ] [ TMPL-LIST ]\n' +
  'Usage: ip xfrm policy { delete | get } { SELECTOR | index INDEX } dir DIR\n' +
  '\t[ ctx CTX ] [ mark MARK [ mask MASK ] ] [ ptype PTYPE ]\n' +
  '\t[ if_id IF_ID ]\n' +
  'Usage: ip xfrm policy { deleteall | list } [ nosock ] [ SELECTOR ] [ dir DIR ]\n' +
  '\t[ index INDEX ] [ ptype PTYPE ] [ action ACTION ] [ priority PRIORITY ]\n' +
  '\t[ flag FLAG-LIST ]\n' +
  'Usage: ip xfrm policy flush [ ptype PTYPE ]\n' +
  'Usage: ip xfrm policy count\n' +
  'Usage: ip xfrm policy set [ hthresh4 LBITS RBITS ] [ hthresh6 LBITS RBITS ]\n' +
  'Usage: ip xfrm policy setdefault DIR ACTION [ DIR ACTION ] [ DIR ACTION ]\n' +
  'Usage: ip xfrm policy getdefault\n' +
  'SELECTOR := [ src ADDR[/PLEN] ] [ dst ADDR[/PLEN] ] [ dev DEV ] [ UPSPEC ]\n' +
  'UPSPEC := proto { { tcp | udp | sctp | dccp } [ sport PORT ] [ dport PORT ] |\n' +
  '                  { icmp | ipv6-icmp | mobility-header } [ type NUMBER ] [ code NUMBER ] |\n' +
  '                  gre [ key { DOTTED-QUAD | NUMBER } ] | PROTO }\n' +
  'DIR := in | out | fwd\n' +
  'PTYPE := main | sub\n' +
  'ACTION := allow | block\n' +
  'FLAG-LIST := [ FLAG-LIST ] FLAG\n' +
  'FLAG := localok | icmp\n' +
  'LIMIT-LIST := [ LIMIT-LIST ] limit LIMIT\n' +
  'LIMIT := { time-soft | time-hard | time-use-soft | time-use-hard } SECONDS |\n' +
  '         { byte-soft | byte-hard } SIZE | { packet-soft | packet-hard } COUNT\n' +
  'TMPL-LIST := [ TMPL-LIST ] tmpl TMPL\n' +
  'TMPL := ID [ mode MODE ] [ reqid REQID ] [ level LEVEL ]\n' +
  'ID := [ src ADDR ] [ dst ADDR ] [ proto XFRM-PROTO ] [ spi SPI ]\n' +
  'XFRM-PROTO := esp | ah | comp | route2 | hao\n' +
  'MODE := transport | tunnel | beet | ro | in_trigger\n' +
  'LEVEL := required | use\n';
