#!/bin/bash
# One Docker host as dockerd sets it up, with two containers on docker0. All wiring is the engine's own.
#
#   c1, c2 eth0 -- vethX, vethY [docker0] node1 eth0 -- [lan0] client eth0 -- eth0 internet
#
docker run -dt --name c1 ubuntu sleep infinity > /dev/null
docker run -dt --name c2 ubuntu sleep infinity > /dev/null
