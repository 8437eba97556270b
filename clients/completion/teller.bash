# Completion of teller's command line for bash. Source this file, or install it as
# /usr/share/bash-completion/completions/teller.
#
# Commands and options are asked of the program itself (its --help), so they are always those of the
# installed version.

# The first words of the indented lines of a help text that stand below a title: the commands, or the verbs of account,
# proposal, rate, remittance, subscriber and deadletter.
_teller_words() {
  "$1" "${@:2}" --help 2>/dev/null | awk '/^Options:|^Examples:/ {exit} /^  [a-z]/ {print $1}'
}

_teller_options() {
  "$1" "${@:2}" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

_teller() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=()
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "$(_teller_words "$program") --help --version" -- "$word")
    return
  fi
  command=("${COMP_WORDS[1]}")
  if ((COMP_CWORD == 2)) && [[ ' account hold proposal rate remittance subscriber deadletter ' == *" ${command[0]} "* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_teller_words "$program" "${command[0]}") --help" -- "$word")
    return
  fi
  if [[ ' account hold proposal rate remittance subscriber deadletter ' == *" ${command[0]} "* || "${COMP_WORDS[1]} ${COMP_WORDS[2]}" == 'transfer show' || "${COMP_WORDS[1]} ${COMP_WORDS[2]}" == 'quote show' || "${COMP_WORDS[1]} ${COMP_WORDS[2]}" == 'banks calls' ]]; then
    command+=("${COMP_WORDS[2]}")
  fi
  case $before in
    --data | --out | --port-file | --feed | --banks | --secret-file | --statement | --gateway-certificate | --gateway-key)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --format)
      mapfile -t COMPREPLY < <(compgen -W 'csv jsonl' -- "$word")
      return
      ;;
    --faults)
      mapfile -t COMPREPLY < <(compgen -W 'all none process disk network time clients' -- "$word")
      return
      ;;
    --list)
      mapfile -t COMPREPLY < <(compgen -W 'open failed pull deposit withdrawal push refund dead unknown alarmed' -- "$word")
      return
      ;;
    --refund)
      mapfile -t COMPREPLY < <(compgen -W 'rail operator' -- "$word")
      return
      ;;
    --money)
      mapfile -t COMPREPLY < <(compgen -W 'stays account bank' -- "$word")
      return
      ;;
    --outcome)
      mapfile -t COMPREPLY < <(compgen -W 'succeeded failed' -- "$word")
      return
      ;;
    --only)
      mapfile -t COMPREPLY < <(compgen -W alarms -- "$word")
      return
      ;;
    --from)
      mapfile -t COMPREPLY < <(compgen -W 'start now' -- "$word")
      return
      ;;
    --connect)
      mapfile -t COMPREPLY < <(compgen -W 'tcp://127.0.0.1:7700' -- "$word")
      return
      ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_teller_options "$program" "${command[@]}") --help" -- "$word")
  elif [[ ${command[0]} == import || "${command[*]}" == 'rate import' ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [[ ${command[0]} == transfer ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W show -- "$word")
  elif [[ ${command[0]} == banks ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W calls -- "$word")
  fi
}

complete -o filenames -o bashdefault -F _teller teller
