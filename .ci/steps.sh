# Sourced by the scripts here: runs steps with their names and times, from the repository's root.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    if "$@"; then
        printf '<== %s: ok, %d s\n' "$name" $((SECONDS - start))
    else
        local code=$?
        printf '<== %s: FAILED with exit code %d, %d s\n' "$name" "$code" $((SECONDS - start)) >&2
        exit "$code"
    fi
}
