# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY bin bin
COPY engine engine
COPY operators operators
COPY deploy deploy
COPY test/bench test/bench
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production NOCTURNE_HOME=/var/lib/nocturne
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY bin bin
COPY dags dags
COPY sql sql
COPY deploy/spark deploy/spark
RUN mkdir -p /var/lib/nocturne && chown node:node /var/lib/nocturne
USER node
VOLUME /var/lib/nocturne
# Healthy: the database answers, is migrated and meets the requirements.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["node", "bin/nocturne.js", "doctor", "--only", "database"]
ENTRYPOINT ["node", "bin/nocturne.js"]
CMD ["--help"]
