#!/bin/sh
# Runs one attempt of a job and outlives the server: sh supervisor.sh <folder below work> <command> [argument...]
# Started in the attempt's folder, as leader of its own session. Only builtins, so that it costs one small process and a millisecond.
#   control/pid   "<pid> <start>", made exclusively: who makes it runs the attempt, so it starts once whatever the server does
#   control/log   standard output and error
#   control/exit  the exit status, then what `times` prints: the cpu time of the command and all it waited for
umask 077
ulimit -c 0
set -C
record() { echo "$$ ${22}" >control/pid; }
if [ -r "/proc/$$/stat" ]; then
  read -r stat <"/proc/$$/stat"
  record $stat
else
  echo "$$ $(ps -o lstart= -p $$ | tr -s ' ' _)" >control/pid
fi 2>/dev/null || exit 0
dir=$1
shift
# A signal to the whole session ends the command; this shell stays to write down how. The command gets the default action back.
trap : TERM INT HUP QUIT
(
  cd "./work/$dir" && exec "$@"
) </dev/null >>control/log 2>&1
code=$?
{
  echo "$code"
  times
} >control/exit
