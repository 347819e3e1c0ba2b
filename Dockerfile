FROM node:20.20.2-bookworm-slim
WORKDIR /yiping
COPY . .
RUN npm ci && npm cache clean --force && mkdir -p data && chown node data
USER node
