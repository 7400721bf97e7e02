import type { Shell } from "./completion.ts";

/**
 * What a shell loads. It knows nothing of our commands: at every Tab it asks the program that is being typed, with
 * `complete`, the hidden command. That prints what else to offer (`files`, `folders`, `nothing`) in the first line, and a candidate
 * in each of the others, with a tab between it and what it is about.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  // For bash 3.2 as well, which is what macOS has: no mapfile, no negative index, no compopt.
  bash: `# bash completion for olla: source <(olla completion bash)
_olla() {
  local words=() word previous="" i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    # bash cuts words at "=", of which we need them whole.
    if [[ \${#words[@]} -gt 0 && ( "$word" == "=" || "$previous" == "=" ) ]]; then
      words[\${#words[@]}-1]+="$word"
    else
      words[\${#words[@]}]="$word"
    fi
    previous="$word"
  done
  local current="\${words[\${#words[@]}-1]}" cut=""
  [[ "$current" == --*=* ]] && cut="\${current%%=*}="
  local also="" text about
  COMPREPLY=()
  while IFS=$'\\t' read -r text about; do
    if [[ -z "$also" ]]; then also="$text"
    else COMPREPLY[\${#COMPREPLY[@]}]="\${text#"$cut"}"
    fi
  done < <("\${1/#\\~/$HOME}" complete -- "\${words[@]}" 2>/dev/null)
  local kind=""
  case "$also" in
    files) kind=-f ;;
    folders) kind=-d ;;
    *) return ;;
  esac
  compopt -o filenames 2>/dev/null
  while IFS= read -r text; do
    COMPREPLY[\${#COMPREPLY[@]}]="$text"
  done < <(compgen "$kind" -- "\${current#"$cut"}")
}
complete -F _olla olla
`,
  zsh: `#compdef olla
# zsh completion for olla: source <(olla completion zsh)
_olla() {
  local also line
  local -a lines candidates
  lines=("\${(@f)$("\${(Q)words[1]/#\\~/$HOME}" complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  also="$lines[1]"
  for line in "\${(@)lines[2,-1]}"; do
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( $#candidates )) && _describe olla candidates
  [[ "$PREFIX" == --*=* ]] && compset -P '*='
  case "$also" in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
if [[ "$funcstack[1]" == _olla ]]; then _olla "$@"; else compdef _olla olla; fi
`,
  fish: `# fish completion for olla: olla completion fish | source
function __olla_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] complete -- $words[2..] "$current" 2>/dev/null)
    printf '%s\\n' $lines[2..]
    set -l before (string match -r -- '^--[^=]*=' $current)
    set -l path (string replace -r -- '^--[^=]*=' '' $current)
    switch "$lines[1]"
        case files
            printf "$before%s\\n" (__fish_complete_path $path)
        case folders
            printf "$before%s\\n" (__fish_complete_directories $path '')
    end
end
complete -c olla -f -a '(__olla_complete)'
`,
};
