#!/bin/bash
# Three Docker hosts that are no swarm yet: "docker swarm init" is yours.
