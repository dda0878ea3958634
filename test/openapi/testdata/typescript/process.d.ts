declare const process: { env: { API: string; AWS_SESSION_TOKEN: string } };
